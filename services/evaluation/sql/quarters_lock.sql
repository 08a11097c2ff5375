-- A district's quarter is locked as a whole: its row stands for those of its squads.
SELECT d.district, d.quarter, d.counted, d.total
FROM (SELECT unnest($1::text[]), unnest($2::text[])) AS q(district, quarter)
JOIN district_quarter d ON d.district = q.district AND d.quarter = q.quarter
ORDER BY d.district, d.quarter
FOR UPDATE OF d
