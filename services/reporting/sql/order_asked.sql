-- Which of these squads were ever asked to serve the order.
SELECT a.squad FROM asked a WHERE a.district = $1::text AND a."order" = $2::bigint AND a.squad = ANY ($3::text[])
