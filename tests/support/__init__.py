"""What tests share: made-up tables and datasets, tiny studies, models and jobs that others would write."""
