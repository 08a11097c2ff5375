SELECT "offset", type, version, district, key, "time", recorded, traceparent, body
FROM dispatch.event WHERE part = $1::bigint AND "offset" > $2::bigint ORDER BY "offset" LIMIT $3::bigint
