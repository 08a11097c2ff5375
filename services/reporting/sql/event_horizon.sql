-- How far each log can be shown without a gap: to where it was applied. An event that is set aside is not waited for: it would stop
-- everybody's view for one order.
SELECT p.producer,
       coalesce((SELECT max(c.to_offset) FROM cursor c WHERE c.producer = p.producer AND c.part = 0), 0) AS upto
FROM (VALUES ('intake'), ('dispatch')) AS p(producer)
