-- What was set aside can be taken up again once this service can handle it: `ztc poison retry` asks, the lease's holder does it.
ALTER TABLE poison ADD COLUMN retry boolean NOT NULL DEFAULT false, ADD COLUMN tries integer NOT NULL DEFAULT 1;
COMMENT ON COLUMN poison.retry IS 'to be tried again when it is the first of its key: an operator asked for it, or it only waited; false again when that was in vain';
