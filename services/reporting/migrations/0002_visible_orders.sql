-- The orders of a district that a caller may see; `view`, `code` and `codes` are struct view's (core_view.h). Every query over
-- orders begins here, so that what is shown and what is counted cannot part. A plain SQL function: the planner sees through it.
CREATE FUNCTION visible_orders(district text, view text, code text, codes text[]) RETURNS SETOF orders
    LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT o.*
    FROM orders o
    WHERE o.district = $1
      AND CASE $2
              WHEN 'all' THEN true
              WHEN 'town' THEN o.town = $3
              WHEN 'feed' THEN o.feed = $3
              WHEN 'place' THEN o.place = ANY ($4)
              WHEN 'squad' THEN o."order" IN (SELECT a."order" FROM asked a WHERE a.district = $1 AND a.squad = ANY ($4))
              ELSE false
          END;
END;
