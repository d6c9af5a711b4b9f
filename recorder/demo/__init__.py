"""The demo's trainer: a small world and an agent that learns in it, with numpy alone, so that every installation has them.

``recorder.commands.demo`` starts it. It calls the recorder as any trainer does; nothing else imports this package but the
larger example in ``examples/hamlet``, which shares the curriculum's rule and the report.
"""
