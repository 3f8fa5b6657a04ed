//! Links to documents.
