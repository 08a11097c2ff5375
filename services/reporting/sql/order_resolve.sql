SELECT "order" FROM orders WHERE district = $1::text AND feed = $2::text AND external_id = $3::text AND external_id <> ''
