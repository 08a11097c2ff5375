SELECT number FROM live_history
