-- Squads' whole queues with the positions they are as of, in one snapshot: what Redis is rebuilt from.
SELECT p.district, p.squad, p.position, a.id, a."order", a.version, a.respond_by, a.press_by, a.not_before
FROM unnest($1::text[], $2::text[]) AS q(district, squad)
JOIN queue_position p ON p.district = q.district AND p.squad = q.squad
LEFT JOIN assignment a ON a.district = p.district AND a.squad = p.squad AND a.is_open
ORDER BY p.district, p.squad
