-- The last attempts of each delivery of deliveries_page.sql, which has the same parameters, oldest first.
SELECT d.notice, d.organisation, d.endpoint, a."time", a.status, a.error, a.ms, a.resent, a.number
FROM (
    SELECT * FROM delivery d
    WHERE d.district = $1::text AND ($2::text = '' OR d.organisation = $2::text) AND ($3::text = '' OR d.endpoint = $3::text)
      AND d.notice < $4::bigint AND (NOT $6::boolean OR d.state = 'dead')
    ORDER BY d.notice DESC
    FETCH FIRST ($5::bigint) ROWS WITH TIES
) d
CROSS JOIN LATERAL (
    SELECT * FROM attempt a
    WHERE a.district = d.district AND a.channel = d.channel AND a.organisation = d.organisation AND a.endpoint = d.endpoint
      AND a.producer = d.producer AND a.part = d.part AND a."offset" = d."offset"
    ORDER BY a.resent DESC, a.number DESC
    LIMIT 20
) a
ORDER BY d.notice DESC, d.organisation, d.endpoint, a.resent, a.number
