-- A page ends with a whole notice: what is sent to several endpoints has one number, and the next page begins below it.
SELECT d.notice, d.organisation, d.endpoint, d.event, d.type, d.side, d."order", d.state, d.recorded, d.due, d.tries, d.resent,
       d.finished, d.error
FROM (
    SELECT * FROM delivery d
    WHERE d.district = $1::text AND ($2::text = '' OR d.organisation = $2::text) AND ($3::text = '' OR d.endpoint = $3::text)
      AND d.notice < $4::bigint AND (NOT $6::boolean OR d.state = 'dead')
    ORDER BY d.notice DESC
    FETCH FIRST ($5::bigint) ROWS WITH TIES
) d
ORDER BY d.notice DESC, d.organisation, d.endpoint, d.producer, d."offset"
