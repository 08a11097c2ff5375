SELECT coalesce(max(quarter COLLATE "C"), '') AS quarter FROM stars WHERE district = $1::text
