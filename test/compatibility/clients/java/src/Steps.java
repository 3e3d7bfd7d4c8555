import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What the JDBC programs share: one line of JSON for each step. */
final class Steps {
  interface Act {
    Object run() throws Exception;
  }

  interface Attempt {
    void run() throws Exception;
  }

  private Steps() {}

  /** One string or number of the program's argument, which is a flat JSON object. */
  static String told(String json, String field) {
    Matcher found = Pattern.compile("\"" + field + "\":\"?([^\",}]*)").matcher(json);
    return found.find() ? found.group(1) : "";
  }

  static void step(String name, Act act) {
    String line;
    try {
      line = "\"result\":" + quote(String.valueOf(act.run()));
    } catch (Exception error) {
      line = "\"error\":" + quote(String.valueOf(error));
    }
    System.out.println("{\"step\":" + quote(name) + "," + line + "}");
  }

  static String failure(Attempt attempt) throws Exception {
    try {
      attempt.run();
      return "it did not fail";
    } catch (SQLException error) {
      return error.getSQLState() + " " + error.getErrorCode() + " " + error.getMessage();
    }
  }

  static void exec(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  static List<List<Object>> rows(Connection connection, String sql, Object... values) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int at = 0; at < values.length; at += 1) {
        statement.setObject(at + 1, values[at]);
      }
      return rows(statement.executeQuery());
    }
  }

  static List<List<Object>> rows(ResultSet found) throws SQLException {
    List<List<Object>> all = new ArrayList<>();
    while (found.next()) {
      List<Object> row = new ArrayList<>();
      for (int at = 1; at <= found.getMetaData().getColumnCount(); at += 1) {
        Object value = found.getObject(at);
        row.add(value instanceof byte[] bytes ? Arrays.toString(bytes) : value);
      }
      all.add(row);
    }
    return all;
  }

  static String hash(Object value) throws Exception {
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(String.valueOf(value).getBytes(StandardCharsets.UTF_8));
    return HexFormat.of().formatHex(digest);
  }

  /** Acts once the test has seen the server run the statement: it answers with a line. */
  static Thread whenRunning(String sql, Attempt attempt) {
    Thread thread = new Thread(() -> {
      try {
        System.out.println("{\"running\":" + quote(sql) + "}");
        System.in.read();
        attempt.run();
      } catch (Exception error) {
        throw new IllegalStateException(error);
      }
    });
    thread.start();
    return thread;
  }

  private static String quote(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (char one : text.toCharArray()) {
      if (one == '"' || one == '\\') {
        out.append('\\').append(one);
      } else if (one < ' ' || one > '~') {
        out.append(String.format("\\u%04x", (int) one));
      } else {
        out.append(one);
      }
    }
    return out.append('"').toString();
  }
}
