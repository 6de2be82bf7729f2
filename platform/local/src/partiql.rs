//! Tells what a PartiQL statement does and to which table, as far as IAM asks.

/// What a statement does to which table or index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Touched {
    pub action: &'static str,
    pub table: String,
    pub index: Option<String>,
}

/// Reads a statement. `None` when it is not one of the four kinds: whoever asks must refuse it.
pub(crate) fn touched(statement: &str) -> Option<Touched> {
    let tokens = tokens(statement)?;
    let mut rest = tokens.iter().enumerate();
    let action = match rest.next()?.1.word()?.as_str() {
        "INSERT" => "dynamodb:PartiQLInsert",
        "UPDATE" => "dynamodb:PartiQLUpdate",
        "DELETE" => "dynamodb:PartiQLDelete",
        // EXISTS(SELECT ...) of a transaction is a read too.
        "SELECT" | "EXISTS" => "dynamodb:PartiQLSelect",
        _ => return None,
    };
    let at = match action {
        "dynamodb:PartiQLInsert" => (tokens.get(1)?.word()? == "INTO").then_some(2)?,
        "dynamodb:PartiQLUpdate" => 1,
        // There are no subqueries: a second FROM is something the engine might read differently.
        _ => {
            let mut froms = rest.filter(|(_, token)| token.word().is_some_and(|word| word == "FROM"));
            let (from, _) = froms.next()?;
            froms.next().is_none().then_some(from + 1)?
        }
    };
    let table = tokens.get(at)?.name()?;
    let index = match tokens.get(at + 1) {
        Some(Token::Sign('.')) => Some(tokens.get(at + 2)?.name()?),
        _ => None,
    };
    Some(Touched { action, table, index })
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Text,
    Sign(char),
}

impl Token {
    fn word(&self) -> Option<String> {
        if let Self::Word(word) = self { Some(word.to_ascii_uppercase()) } else { None }
    }

    fn name(&self) -> Option<String> {
        match self {
            Self::Word(name) | Self::Quoted(name) => Some(name.clone()),
            Self::Text | Self::Sign(_) => None,
        }
    }
}

/// Splits a statement. `None` when a quote is not closed.
fn tokens(statement: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut characters = statement.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            space if space.is_whitespace() => {}
            '-' if characters.peek() == Some(&'-') => while characters.next_if(|next| *next != '\n').is_some() {},
            '/' if characters.peek() == Some(&'*') => {
                characters.next();
                while !(characters.next()? == '*' && characters.next_if_eq(&'/').is_some()) {}
            }
            quote @ ('"' | '\'' | '`') => {
                let mut text = String::new();
                loop {
                    match characters.next()? {
                        // A doubled quote stands for one.
                        end if end == quote && characters.next_if_eq(&quote).is_none() => break,
                        other => text.push(other),
                    }
                }
                tokens.push(if quote == '"' { Token::Quoted(text) } else { Token::Text });
            }
            first if first.is_ascii_alphabetic() || first == '_' => {
                let mut word = String::from(first);
                while let Some(next) = characters.next_if(|next| next.is_ascii_alphanumeric() || *next == '_') {
                    word.push(next);
                }
                tokens.push(Token::Word(word));
            }
            sign => tokens.push(Token::Sign(sign)),
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(statement: &str, action: &str, table: &str, index: Option<&str>) {
        let touched = touched(statement).unwrap();
        assert_eq!((touched.action, touched.table.as_str(), touched.index.as_deref()), (action, table, index), "{statement}");
    }

    #[test]
    fn every_kind_of_statement_names_its_action_and_table() {
        is("INSERT INTO \"subscriptions-log\" VALUE {'PK': ?}", "dynamodb:PartiQLInsert", "subscriptions-log", None);
        is("insert into Orders value {'from': 'x'}", "dynamodb:PartiQLInsert", "Orders", None);
        is("UPDATE \"a\" SET x = 1 WHERE \"PK\" = 'FROM b'", "dynamodb:PartiQLUpdate", "a", None);
        is("DELETE FROM \"a\".\"i\" WHERE x = ?", "dynamodb:PartiQLDelete", "a", Some("i"));
        is("SELECT \"from\", 'FROM c' FROM \"a\".\"by-name\" WHERE x = ?", "dynamodb:PartiQLSelect", "a", Some("by-name"));
        is("DELETE /* FROM b */ FROM a--FROM b\n WHERE x = 1", "dynamodb:PartiQLDelete", "a", None);
        is("EXISTS(SELECT * FROM a WHERE x = 1)", "dynamodb:PartiQLSelect", "a", None);
    }

    #[test]
    fn what_is_not_a_statement_names_nothing() {
        for statement in [
            "",
            "DROP TABLE a",
            "SELECT 1",
            "UPDATE",
            "INSERT OVER a",
            "DELETE FROM 'a'",
            "SELECT * FROM \"a",
            "SELECT a.from FROM b",
            "DELETE /* FROM a",
        ] {
            assert_eq!(touched(statement), None, "{statement}");
        }
    }
}
