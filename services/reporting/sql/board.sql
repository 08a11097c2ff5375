-- Orders that are not at their end, by state, then by town and state, then by squad and state. $2 to $4: what the caller may see.
SELECT grouping(o.town, o.squad) AS level, coalesce(o.town, o.squad, '') AS code, o.external, o.state, count(*) AS orders
FROM orders o
WHERE o.district = $1::text
  AND CASE $2::text
          WHEN 'all' THEN true
          WHEN 'town' THEN o.town = $3::text
          WHEN 'feed' THEN o.feed = $3::text
          WHEN 'place' THEN o.place = ANY ($4::text[])
          WHEN 'squad' THEN o."order" IN (SELECT a."order" FROM asked a WHERE a.district = $1::text AND a.squad = ANY ($4::text[]))
          ELSE false
      END
  AND o.state NOT IN ('closed', 'cancelled', 'withdrawn')
  AND ($5::text = '' OR o.town = $5::text)
GROUP BY GROUPING SETS ((o.external, o.state), (o.town, o.external, o.state), (o.squad, o.external, o.state))
ORDER BY level DESC, coalesce(o.town, o.squad, '') COLLATE "C", o.external, o.state COLLATE "C"
LIMIT $6::bigint
