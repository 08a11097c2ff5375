-- The ids that commands were answered under, in the order of their key, after one of them.
SELECT district, caller, id FROM command WHERE (district, caller, id) > ($1, $2, $3) ORDER BY district, caller, id LIMIT $4::bigint
