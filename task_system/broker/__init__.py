"""RabbitMQ and Redis: where messages go, how they are written, how results are copied. No SQL, no Flask.

A message is a wake-up call and says only which dispatch of which task; whoever gets it asks the store what to do.
"""
