-- What is due, of each endpoint only so many at a time, and one of those that failed last; nothing when the lease is another's.
SELECT w.district, w.organisation, w.code, d.producer, d.part, d."offset", d.event, d."order", d.body, d.tries, d.resent, d.quiet_from,
       d.quiet_to, d.zone, w.url, present.sealed, past.sealed
FROM webhook w
LEFT JOIN webhook_state s USING (district, organisation, code)
CROSS JOIN LATERAL (
    SELECT * FROM delivery d
    WHERE d.district = w.district AND d.organisation = w.organisation AND d.endpoint = w.code AND d.state = 'waiting'
      AND d.due <= $1::timestamptz
    ORDER BY d.due, d."offset"
    LIMIT CASE WHEN s.failures > 0 THEN 1 ELSE $2::bigint END
) d
LEFT JOIN LATERAL (
    SELECT k.sealed FROM webhook_secret k
    WHERE k.district = w.district AND k.organisation = w.organisation AND k.code = w.code AND k.until IS NULL
    ORDER BY k.number DESC LIMIT 1
) present ON true
LEFT JOIN LATERAL (
    SELECT k.sealed FROM webhook_secret k
    WHERE k.district = w.district AND k.organisation = w.organisation AND k.code = w.code AND k.until > $1::timestamptz
    ORDER BY k.number DESC LIMIT 1
) past ON true
WHERE w.enabled AND NOT w.removed AND s.gone IS NULL AND (s.not_before IS NULL OR s.not_before <= $1::timestamptz)
  AND EXISTS (SELECT FROM lease l WHERE l.part = 0 AND l.epoch = $3::bigint AND l.holder = $4::text)
ORDER BY d.due
LIMIT $5::bigint
