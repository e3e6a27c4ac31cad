"""The exceptions of Ray's that are told apart."""


class ActorDiedError(Exception):
    pass


class ActorUnavailableError(Exception):
    pass
