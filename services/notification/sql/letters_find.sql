-- Which of the dead letters named are there; numbered from 1 as they were asked for.
SELECT n.number
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS n(district, organisation, endpoint, event, number)
WHERE EXISTS (
    SELECT FROM delivery d
    WHERE d.district = n.district AND d.channel = 'webhook' AND d.organisation = n.organisation AND d.endpoint = n.endpoint
      AND d.event = n.event AND d.state = 'dead')
