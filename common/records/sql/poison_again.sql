-- Tried in vain.
UPDATE poison p SET retry = false, tries = p.tries + 1, reason = q.reason, recorded = $2::timestamptz
FROM unnest($3::text[], $4::bigint[], $5::text[]) AS q(producer, "offset", reason)
WHERE p.producer = q.producer AND p.part = $1::bigint AND p."offset" = q."offset"
