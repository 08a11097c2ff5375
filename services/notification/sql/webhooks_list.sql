-- Endpoints with how they fare; never a secret, just until when an old one still signs.
SELECT w.organisation, w.version, w.body, s.gone, s.not_before, s.failures, s."time", s.status, s.error,
       (SELECT max(k.until) FROM webhook_secret k
        WHERE k.district = w.district AND k.organisation = w.organisation AND k.code = w.code AND k.until > $3::timestamptz) AS until,
       (SELECT count(*) FROM delivery d
        WHERE d.district = w.district AND d.organisation = w.organisation AND d.endpoint = w.code AND d.state = 'waiting') AS waiting,
       (SELECT count(*) FROM delivery d
        WHERE d.district = w.district AND d.organisation = w.organisation AND d.endpoint = w.code AND d.state = 'dead') AS dead
FROM webhook w
LEFT JOIN webhook_state s USING (district, organisation, code)
WHERE w.district = $1::text AND ($2::text = '' OR w.organisation = $2::text) AND NOT w.removed
ORDER BY w.organisation, w.code
LIMIT 500
