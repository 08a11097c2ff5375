DELETE FROM poison p USING unnest($2::text[], $3::bigint[]) AS q(producer, "offset")
WHERE p.producer = q.producer AND p.part = $1::bigint AND p."offset" = q."offset"
