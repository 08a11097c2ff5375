-- What is to be tried again, the first of each key, as its log has it; $1: how many.
SELECT d.producer, e."offset", e.type, e.version, e.district, e.key, e."time", e.recorded, e.traceparent, e.body
FROM (
    SELECT p.producer, p.part, p."offset", p.district, p.key
    FROM poison p
    WHERE p.retry AND NOT EXISTS (
        SELECT FROM poison before WHERE before.district = p.district AND before.key = p.key AND before.version < p.version)
    ORDER BY p.producer, p.part, p."offset"
    LIMIT $1::bigint
) AS d
CROSS JOIN LATERAL (
    SELECT * FROM intake.event i WHERE d.producer = 'intake' AND i.part = d.part AND i."offset" = d."offset"
    UNION ALL
    SELECT * FROM dispatch.event s WHERE d.producer = 'dispatch' AND s.part = d.part AND s."offset" = d."offset"
    UNION ALL
    SELECT * FROM evaluation.event v WHERE d.producer = 'evaluation' AND v.part = d.part AND v."offset" = d."offset"
) AS e
ORDER BY d.producer, d.part, d."offset"
