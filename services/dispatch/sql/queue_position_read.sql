SELECT position FROM queue_position WHERE district = $1::text AND squad = $2::text
