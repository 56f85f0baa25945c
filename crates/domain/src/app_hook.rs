//! The hook by which an App's repository tells us of pushes.

crate::words! {
    /// Which signatures of deliveries are good.
    Signed {
        /// SHA-256 alone.
        Sha256 => "sha256",
        /// Also SHA-1 where there is no other: of an old sender.
        Sha256OrSha1 => "sha256_or_sha1",
    }
}

crate::words! {
    /// How a hook stands at the host of the code.
    Standing {
        /// Not made, and nobody has tried: the server makes none, or has not come to it yet.
        Unmade => "unmade",
        /// It is there, and as it should be.
        Active => "active",
        /// The host does not let us make it. The detail says why.
        Failed => "failed",
        /// Taken away: the App does not want to be told.
        Removed => "removed",
    }
}
