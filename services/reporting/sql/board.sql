-- Orders that are not at their end, by state, then by town and state, then by squad and state.
SELECT grouping(o.town, o.squad) AS level, coalesce(o.town, o.squad, '') AS code, o.external, o.state, count(*) AS orders
FROM visible_orders($1::text, $2::text, $3::text, $4::text[]) o
WHERE o.state NOT IN ('closed', 'cancelled', 'withdrawn')
  AND ($5::text = '' OR o.town = $5::text)
GROUP BY GROUPING SETS ((o.external, o.state), (o.town, o.external, o.state), (o.squad, o.external, o.state))
ORDER BY level DESC, coalesce(o.town, o.squad, '') COLLATE "C", o.external, o.state COLLATE "C"
LIMIT $6::bigint
