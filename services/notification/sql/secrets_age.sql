-- Before a new one: what was old goes, what was present becomes old.
WITH gone AS (
    DELETE FROM webhook_secret
    WHERE district = $1::text AND organisation = $2::text AND code = $3::text AND until IS NOT NULL
)
UPDATE webhook_secret SET until = $4::timestamptz
WHERE district = $1::text AND organisation = $2::text AND code = $3::text AND until IS NULL
