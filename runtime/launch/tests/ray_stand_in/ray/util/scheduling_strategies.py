"""Scheduling strategies, which have no effect."""


class PlacementGroupSchedulingStrategy:
    def __init__(self, _group, _bundle):
        pass
