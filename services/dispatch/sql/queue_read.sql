-- The first offers of a squad as Redis would give them: most pressing first, those of one instant by their ids' text.
SELECT a.id, a."order", a.version, a.respond_by, a.not_before
FROM assignment a
WHERE a.district = $1::text AND a.squad = $2::text AND a.is_open AND a.not_before <= $3::timestamptz
ORDER BY a.press_by, a.id::text COLLATE "C" LIMIT $4::bigint
