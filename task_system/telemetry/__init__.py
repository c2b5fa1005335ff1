"""What the service tells those who operate it. Subscribes to the core's events; the core knows nothing of it."""
