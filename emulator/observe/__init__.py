"""What people read: explanations and reports, made from the same records that packets left behind."""
