-- What was held for an order: one session, or one for each time it was served.
SELECT s.body FROM session s WHERE s.district = $1::text AND s."order" = $2::bigint ORDER BY s.session LIMIT $3::bigint
