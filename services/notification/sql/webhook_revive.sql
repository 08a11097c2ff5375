UPDATE webhook_state SET gone = NULL, not_before = NULL, failures = 0
WHERE district = $1::text AND organisation = $2::text AND code = $3::text
