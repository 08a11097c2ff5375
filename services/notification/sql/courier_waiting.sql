SELECT count(*), min(greatest(d.due, s.not_before))
FROM delivery d
LEFT JOIN webhook_state s ON s.district = d.district AND s.organisation = d.organisation AND s.code = d.endpoint
WHERE d.state = 'waiting'
