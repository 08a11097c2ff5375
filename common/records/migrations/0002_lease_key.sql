-- The public bus key that the holder's sockets show, beside where they are: peers connect only to one that they know.
ALTER TABLE lease ADD COLUMN key text NOT NULL DEFAULT '';
COMMENT ON COLUMN lease.key IS 'CURVE public key (Z85) of pub and router';
