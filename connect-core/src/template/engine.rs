//! Filling templates.

use std::io::Write;
use std::sync::OnceLock;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value as Json;

use super::depth::depth;
use super::places::{places, statement};
use super::{Draft, MailTopic, Template};
use crate::notify::{Mail, html_paragraphs};
use crate::{Error, FieldError, Result};

/// Steps that one part of a mail may take to be filled.
const FUEL: u64 = 50_000;
/// Most bytes of a part.
const MAX_PART: usize = 2 * 1024 * 1024;
/// Most elements of MJML within one another.
const MAX_DEPTH: usize = 50;

/// Most bytes of one place, `{{ … }}` or `{% … %}`.
const MAX_PLACE: usize = 300;
/// Most branches of this kind in one part.
const MAX_ELIF: usize = 50;

/// A mail's words with every place filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, on one line.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Fills templates: with a small choice of filters, within bounds, and never with text as markup.
pub(crate) struct Engine {
    environment: Environment<'static>,
    /// The HTML around words that come without MJML.
    layout: OnceLock<String>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// Takes up to so many bytes.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_PART {
            return Err(std::io::Error::other("it becomes too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Engine {
    pub(crate) fn new() -> Self {
        // Nothing of the usual set but what is named: there is no way to mark text as safe.
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(50);
        environment.set_auto_escape_callback(|name| match name {
            "html" => minijinja::AutoEscape::Html,
            _ => minijinja::AutoEscape::None,
        });
        environment.add_filter("upper", minijinja::filters::upper);
        environment.add_filter("lower", minijinja::filters::lower);
        environment.add_filter("title", minijinja::filters::title);
        environment.add_filter("trim", minijinja::filters::trim);
        environment.add_filter("default", minijinja::filters::default);
        environment.add_filter("length", minijinja::filters::length);
        environment.add_filter("paragraphs", |text: String| Value::from_safe_string(html_paragraphs(&text)));
        environment.add_test("defined", minijinja::tests::is_defined);
        Self { environment, layout: OnceLock::new() }
    }

    fn fill(&self, field: &'static str, kind: &str, source: &str, values: &Value) -> Result<String, FieldError> {
        let wrong = |error: &dyn std::fmt::Display| FieldError::new(field, "bad_template", error.to_string());
        let places = places(source);
        // Compiling calls itself for every sign of an expression, without a limit of its own.
        if places.iter().any(|place| place.len() > MAX_PLACE) || source.matches("elif").count() > MAX_ELIF {
            let detail = format!("has a place of more than {MAX_PLACE} bytes, or more than {MAX_ELIF} elif");
            return Err(FieldError::new(field, "bad_template", detail));
        }
        if places.iter().any(|place| ["raw", "autoescape"].contains(&statement(place))) {
            return Err(FieldError::new(field, "bad_template", "may neither switch escaping off nor have raw parts"));
        }
        let template = self.environment.template_from_named_str(kind, source).map_err(|error| wrong(&error))?;
        let mut filled = Bounded(Vec::new());
        template.render_captured_to(values.clone(), &mut filled).map_err(|error| wrong(&error))?;
        String::from_utf8(filled.0).map_err(|error| wrong(&error))
    }

    /// The HTML that MJML comes down to, its places still to be filled.
    fn markup(mjml: &str) -> Result<String, FieldError> {
        // Of some malformed comments the parser does not say that they are, it breaks down.
        let rendered = std::panic::catch_unwind(|| Self::rendered_markup(mjml));
        rendered.unwrap_or_else(|_| Err(FieldError::new("mjml", "bad_mjml", "does not read")))
    }

    fn rendered_markup(mjml: &str) -> Result<String, FieldError> {
        let wrong = |detail: String| FieldError::new("mjml", "bad_mjml", detail);
        if depth(mjml).is_none_or(|depth| depth > MAX_DEPTH) {
            let detail = format!("is no markup, or has more than {MAX_DEPTH} elements within one another");
            return Err(wrong(detail));
        }
        let parsed = mrml::parse(mjml).map_err(|error| wrong(error.to_string()))?;
        parsed
            .element
            .render(&mrml::prelude::render::RenderOptions::default())
            .map_err(|error| wrong(error.to_string()))
    }

    /// Checks a draft by filling it, and answers the HTML that is kept with it.
    pub(super) fn check(&self, topic: MailTopic, draft: &Draft) -> Result<Option<String>> {
        draft.check()?;
        let html = draft.mjml.as_deref().map(Self::markup).transpose()?;
        self.filled(draft, html.as_deref(), super::sample::values(topic))?;
        Ok(html)
    }

    /// A draft that was not kept yet, filled.
    pub(super) fn preview(&self, topic: MailTopic, draft: &Draft) -> Result<Rendered> {
        let html = self.check(topic, draft)?;
        self.filled(draft, html.as_deref(), super::sample::values(topic))
    }

    /// A template of a workspace, filled.
    pub(super) fn template(&self, template: &Template, values: Json) -> Result<Rendered> {
        self.filled(&template.draft, template.html.as_deref(), values)
    }

    /// The desk's own words, filled.
    pub(super) fn own(&self, topic: MailTopic, values: Json) -> Result<Rendered> {
        self.filled(&Draft::own(topic), None, values)
    }

    fn filled(&self, draft: &Draft, html: Option<&str>, values: Json) -> Result<Rendered> {
        let filled = Value::from(Serde(&values));
        let subject = Mail::one_line(self.fill("subject", "text", &draft.subject, &filled)?.trim());
        let text = format!("{}\n", self.fill("text", "text", &draft.text, &filled)?.trim_end());
        if subject.is_empty() {
            return Err(Error::invalid("subject", "required", "is empty once it is filled"));
        }
        if let Some(html) = html {
            let html = self.fill("mjml", "html", html, &filled)?;
            return Ok(Rendered { subject, text, html });
        }
        let content = Value::from_safe_string(linked(&text, &values));
        let html = self.fill("text", "html", self.layout()?, &minijinja::context! { content, ..filled })?;
        Ok(Rendered { subject, text, html })
    }

    fn layout(&self) -> Result<&str> {
        if let Some(layout) = self.layout.get() {
            return Ok(layout);
        }
        let layout = Self::markup(include_str!("own/layout.mjml"))?;
        Ok(self.layout.get_or_init(|| layout))
    }
}

/// Text as HTML, in which the desk's own links are links. What people wrote never becomes one.
fn linked(text: &str, values: &Json) -> String {
    let mut html = html_paragraphs(text);
    if let Some(link) = values["link"].as_str() {
        let shown = html_paragraphs(link);
        let shown = shown.trim_start_matches("<p>").trim_end().trim_end_matches("</p>");
        html = html.replace(shown, &format!("<a href=\"{shown}\">{shown}</a>"));
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn draft(subject: &str, text: &str, mjml: Option<&str>) -> Draft {
        Draft { subject: subject.to_owned(), text: text.to_owned(), mjml: mjml.map(str::to_owned) }
    }

    fn refused(draft: Draft) -> (String, &'static str) {
        match Engine::new().preview(MailTopic::Reply, &draft) {
            Err(Error::Invalid(errors)) => (errors[0].field.clone(), errors[0].code),
            other => panic!("{draft:?} gives {other:?}"),
        }
    }

    #[test]
    fn the_desk_s_own_words_fill_for_every_topic() {
        let engine = Engine::new();
        for topic in MailTopic::ALL {
            let rendered = engine.preview(topic, &Draft::own(topic)).expect("it fills");
            assert!(rendered.html.contains("<a href=\"https://desk.example/"), "{topic:?}: {}", rendered.html);
            assert_eq!(rendered.html.contains("No more mail like this"), topic != MailTopic::Reply);
            assert!(!rendered.text.contains("{{"));
        }
    }

    #[test]
    fn sec_79_what_people_write_never_becomes_markup() {
        let engine = Engine::new();
        let values = json!({
            "ticket": {"number": 1, "subject": "<b>x</b>\r\nBcc: all@evil.example"}, "contact": {"name": "<i>Eve</i>"},
            "message": {"body": "<script>alert(1)</script> https://evil.example {{ 7 * 7 }}"},
            "workspace": {"name": "Acme"}, "author": {"name": "A"}, "link": "https://desk.example/r?a=1&b=2", "unsubscribe_link": null,
        });
        let own = engine.own(MailTopic::Reply, values.clone()).expect("it fills");
        let mjml = "<mjml><mj-body><mj-section><mj-column><mj-text>{{ message.body }}{{ message.body|paragraphs }}</mj-text></mj-column></mj-section></mj-body></mjml>";
        let draft = draft("{{ ticket.subject }}", "x", Some(mjml));
        let html = engine.check(MailTopic::Reply, &draft).expect("it fills");
        let theirs = engine.filled(&draft, html.as_deref(), values).expect("it fills");
        for rendered in [&own, &theirs] {
            assert!(
                !rendered.html.contains("<script>alert") && rendered.html.contains("&lt;script&gt;"),
                "{}",
                rendered.html
            );
            assert!(!rendered.subject.contains('\n') && !rendered.subject.contains('\r'));
            assert!(rendered.html.contains("{{ 7 * 7 }}"), "and is not filled itself");
            assert!(!rendered.html.contains("href=\"https://evil"));
        }
        assert_eq!(own.html.matches("<a ").count(), 1, "only the desk's own link is a link");
        assert!(own.html.contains("<a href=\"https://desk.example/r?a=1&amp;b=2\">"));
    }

    #[test]
    fn an_expression_that_would_exhaust_the_stack_is_refused_before_it_is_compiled() {
        let long = [
            format!("{{{{ {} 1 }}}}", "-".repeat(19_000)),
            format!("{{{{ 1{} }}}}", "+1".repeat(9_000)),
            format!("{{{{ ticket{} }}}}", ".a".repeat(9_000)),
            format!("{{{{ \"}}}}\"{} }}}}", "|lower".repeat(3_000)),
            format!("{{% if 1 %}}{}{{% endif %}}", "{% elif 1 %}".repeat(1_500)),
            format!("{{{{ {}", "(".repeat(19_000)),
            format!("{{{{ {} }}}}", "\"{{\" ~ ".repeat(2_000)),
            "{% raw %}x{% endraw %}".to_owned(),
        ];
        for text in long {
            assert_eq!(refused(draft("s", &text, None)), ("text".to_owned(), "bad_template"), "{}", &text[..20]);
        }
    }

    #[test]
    fn markup_that_breaks_the_parser_is_refused_like_any_other() {
        for mjml in ["<mjml><mj-body><!--[if x]y", "<mjml><mj-body><![endif x]>", "<mjml><!--[if", "\u{0}<mjml>"] {
            assert_eq!(refused(draft("s", "x", Some(mjml))).1, "bad_mjml", "{mjml}");
        }
    }

    #[test]
    fn markup_that_would_exhaust_the_stack_is_refused_before_it_is_parsed() {
        for level in ["<b><!--</b>-->", "<b a=\"/>\">", "<b><![endif]>", "<mj-section>"] {
            let mjml = format!("<mjml><mj-body><mj-raw>{}", level.repeat(6_000));
            assert_eq!(refused(draft("s", "x", Some(&mjml))).1, "bad_mjml");
        }
    }

    #[test]
    fn a_draft_that_does_not_fill_is_refused_with_its_field() {
        let mjml = |inner: &str| {
            format!(
                "<mjml><mj-body><mj-section><mj-column><mj-text>{inner}</mj-text></mj-column></mj-section></mj-body></mjml>"
            )
        };
        let none = |text: &str| draft("s", text, None);
        assert_eq!(refused(none("{{ nobody.name }}")), ("text".to_owned(), "bad_template"));
        assert_eq!(refused(none("{{ ticket.nothing }}")), ("text".to_owned(), "bad_template"));
        assert_eq!(refused(draft("{% if %}", "x", None)), ("subject".to_owned(), "bad_template"));
        assert_eq!(
            refused(none(
                "{% for a in message.body %}{% for b in message.body %}{% for c in message.body %}{% for d in message.body %}x{% endfor %}{% endfor %}{% endfor %}{% endfor %}"
            )),
            ("text".to_owned(), "bad_template"),
            "too many steps"
        );
        assert_eq!(refused(none("{{ message.body * 1000000 * 1000 }}")).1, "bad_template");
        assert_eq!(refused(none("{{ message.body|safe }}")).1, "bad_template", "there is no such filter");
        assert_eq!(refused(draft("s", "x", Some("<p>no mjml</p>"))), ("mjml".to_owned(), "bad_mjml"));
        assert_eq!(refused(draft("s", "x", Some("<mjml><mj-body>"))).1, "bad_mjml");
        assert_eq!(
            refused(draft("s", "x", Some(&mjml("{% autoescape false %}{{ message.body }}{% endautoescape %}")))).1,
            "bad_template"
        );
        assert_eq!(
            refused(draft("s", "x", Some(&format!("<mjml><mj-body>{}", "<mj-section>".repeat(5_000))))).1,
            "bad_mjml"
        );
        assert_eq!(
            refused(draft("s", "x", Some("<mjml><mj-body><mj-include path=\"/etc/passwd\" /></mj-body></mjml>"))).1,
            "bad_mjml"
        );
        assert_eq!(refused(draft("s", "x", Some(&mjml("{{ nobody }}")))), ("mjml".to_owned(), "bad_template"));
    }
}
