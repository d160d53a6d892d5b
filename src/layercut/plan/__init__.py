"""What a study consists of: conditions, merged where they are equal, and jobs in dependency levels."""
