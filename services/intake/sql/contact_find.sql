-- All that a right to an order's contact data follows from, as of one moment: an answer that is true is never given on what
-- dispatch has since said otherwise. `behind`: how far dispatch's log is ahead of what was applied here; `is_stale`: something in
-- that stretch is about this order (not looked for past $4); `is_blocked`: an event of it could not be handled.
SELECT o.place, o.town, o.feed, c."order" IS NOT NULL AS is_given, coalesce(c.name, '') AS name, coalesce(c.phone, '') AS phone, c.given,
       ARRAY(SELECT p.squad FROM contact_part p WHERE p.district = o.district AND p."order" = o.id) AS asked,
       ARRAY(SELECT p.squad FROM contact_part p WHERE p.district = o.district AND p."order" = o.id AND p.standing = 'live') AS live,
       head."offset" - applied."offset" AS behind,
       head."offset" - applied."offset" <= $4::bigint AND EXISTS (
           SELECT FROM dispatch.event e
           WHERE e.part = 0 AND e."offset" > applied."offset" AND e.district = o.district AND e.key = $3::text) AS is_stale,
       EXISTS (SELECT FROM poison z WHERE z.producer = 'dispatch' AND z.district = o.district AND z.key = $3::text) AS is_blocked
FROM orders o
LEFT JOIN contact c ON c.district = o.district AND c."order" = o.id
CROSS JOIN (SELECT coalesce(max(to_offset), 0) AS "offset" FROM cursor WHERE producer = 'dispatch' AND part = 0) AS applied
CROSS JOIN (SELECT coalesce(max("offset"), 0) AS "offset" FROM dispatch.event WHERE part = 0) AS head
WHERE o.district = $1::text AND o.id = $2::bigint
