SELECT count(*) FROM notification.webhook_secret
