"""The shapes of answers, for the API's description. Handlers build plain dictionaries; tests hold them against these.

A field's docstring is its description. A field that only some answers have is `NotRequired`.
"""
