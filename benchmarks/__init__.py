"""The figures of this project, measured: ``python -m benchmarks``; README.md beside this says what each one means."""
