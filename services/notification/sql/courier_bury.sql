-- What waits for an endpoint that is sent nothing more becomes a dead letter, to be sent again when it is enabled.
UPDATE delivery d
SET state = 'dead', finished = $1::timestamptz,
    error = CASE WHEN w.removed THEN 'removed' WHEN NOT w.enabled THEN 'disabled' ELSE 'gone' END
FROM webhook w
LEFT JOIN webhook_state s USING (district, organisation, code)
WHERE d.district = w.district AND d.organisation = w.organisation AND d.endpoint = w.code AND d.state = 'waiting'
  AND (w.removed OR NOT w.enabled OR s.gone IS NOT NULL)
  AND EXISTS (SELECT FROM lease l WHERE l.part = 0 AND l.epoch = $2::bigint AND l.holder = $3::text)
RETURNING d."order"
