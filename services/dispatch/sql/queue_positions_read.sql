SELECT district, squad, position FROM queue_position
