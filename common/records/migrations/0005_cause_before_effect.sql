-- Events are applied after what they follow from (docs/decisions/0018-cause-before-effect.md), so no service keeps a line of versions
-- for each key any more, and none parks what came early. What is parked now waits among what is set aside; it is taken up when all that
-- the logs then held is applied. A consumer of the release before finds no such tables, waits and changes nothing until it is replaced.
INSERT INTO poison (producer, part, "offset", district, key, version, type, reason, recorded, body, retry)
SELECT producer, part, "offset", district, key, version, type, 'an earlier event of its key is set aside', recorded, body, true
FROM parked
ON CONFLICT DO NOTHING;
DROP TABLE parked;
DROP TABLE line;
