//! Statements of an adapter, each written once with a placeholder for where the tables are.

/// Makes `Sql`, a cheap handle to all statements with the placeholder filled in.
macro_rules! statements {
    ($placeholder:literal; $($name:ident = $text:expr;)+) => {
        #[derive(Debug)]
        pub(super) struct Statements {
            pub(super) place: String,
            $(pub(super) $name: std::sync::Arc<str>,)+
        }

        /// The statements of a store.
        #[derive(Debug, Clone)]
        pub(super) struct Sql(std::sync::Arc<Statements>);

        impl Sql {
            pub(super) fn new(place: &str) -> Self {
                let fill = |text: &str| std::sync::Arc::<str>::from(text.replace($placeholder, place));
                Self(std::sync::Arc::new(Statements { place: place.to_owned(), $($name: fill($text),)+ }))
            }
        }

        impl std::ops::Deref for Sql {
            type Target = Statements;
            fn deref(&self) -> &Statements {
                &self.0
            }
        }
    };
}
