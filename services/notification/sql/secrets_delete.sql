DELETE FROM webhook_secret WHERE district = $1::text AND organisation = $2::text AND code = $3::text
