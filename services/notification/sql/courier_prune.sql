DELETE FROM delivery WHERE ctid IN (SELECT ctid FROM delivery WHERE state = 'delivered' AND finished < $1::timestamptz LIMIT 5000)
