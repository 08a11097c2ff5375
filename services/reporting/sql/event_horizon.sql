-- How far each log can be shown without a gap: to where it was applied, but not past an event that waits here for its turn. One
-- that waits behind an event which could not be handled is not waited for: it would stop everybody's view for one order.
SELECT p.producer,
       least(
           coalesce((SELECT max(c.to_offset) FROM cursor c WHERE c.producer = p.producer AND c.part = 0), 0),
           coalesce((
               SELECT min(k."offset") - 1
               FROM parked k
               WHERE k.producer = p.producer AND k.part = 0
                 AND NOT EXISTS (SELECT FROM poison z WHERE z.district = k.district AND z.key = k.key)), 9223372036854775807)) AS upto
FROM (VALUES ('intake'), ('dispatch')) AS p(producer)
