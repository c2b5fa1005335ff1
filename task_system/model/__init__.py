"""The words of the product, as code: states, priorities, lanes, retry delays, ids, events, errors.

Pure: nothing here reads a clock, a file, a socket or a setting. Everything may import it; it imports nobody of ours.
"""
