"""A small life in a grid world, learned by a DQN and recorded as it learns: ``python -m examples.hamlet``."""
